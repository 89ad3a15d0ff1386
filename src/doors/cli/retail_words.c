/* What people, streets and articles of the retail example are called. */
#include "retail_inside.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const str german_first[] = {
    STR("Lea"),     STR("Noah"),   STR("Mia"),     STR("Luca"),   STR("Anna"),    STR("Jonas"),
    STR("Lena"),    STR("Matteo"), STR("Sofia"),   STR("Levin"),  STR("Nina"),    STR("Urs"),
    STR("Beat"),    STR("Regula"), STR("Vreni"),   STR("Reto"),   STR("Sandra"),  STR("Thomas"),
    STR("Daniela"), STR("Stefan"), STR("Ursula"),  STR("Markus"), STR("Corinne"), STR("Patrick"),
    STR("Silvia"),  STR("Jürg"),   STR("Käthi"),   STR("Fabian"), STR("Selina"),  STR("Nico"),
    STR("Ladina"),  STR("Gian"),   STR("Flurina"), STR("Tim"),    STR("Elin")};
static const str german_last[] = {
    STR("Müller"), STR("Meier"),       STR("Schmid"),   STR("Keller"),    STR("Weber"),
    STR("Huber"),  STR("Schneider"),   STR("Meyer"),    STR("Steiner"),   STR("Fischer"),
    STR("Gerber"), STR("Brunner"),     STR("Baumann"),  STR("Frei"),      STR("Zimmermann"),
    STR("Moser"),  STR("Widmer"),      STR("Wyss"),     STR("Graf"),      STR("Roth"),
    STR("Suter"),  STR("Baumgartner"), STR("Bachmann"), STR("Kunz"),      STR("Ammann"),
    STR("Bühler"), STR("Zürcher"),     STR("Lüthi"),    STR("Aebischer"), STR("Caduff"),
    STR("Nägeli"), STR("Hofer"),       STR("Egger"),    STR("Stalder"),   STR("von Arx"),
    STR("Gasser")};
static const str german_streets[] = {STR("Bahnhofstrasse"), STR("Dorfstrasse"), STR("Hauptstrasse"),
                                     STR("Seestrasse"),     STR("Kirchgasse"),  STR("Bergstrasse"),
                                     STR("Schulweg"),       STR("Gartenweg"),   STR("Mühlegasse"),
                                     STR("Poststrasse"),    STR("Sonnenhalde"), STR("Rosenweg")};
static const str french_first[] = {
    STR("Emma"),     STR("Gabriel"), STR("Chloé"),  STR("Louis"),    STR("Zoé"),     STR("Arthur"),
    STR("Camille"),  STR("Julien"),  STR("Élodie"), STR("Nathalie"), STR("Pierre"),  STR("Laurent"),
    STR("Mathilde"), STR("Yves"),    STR("Céline"), STR("Antoine"),  STR("Margaux"), STR("Rémy")};
static const str french_last[] = {
    STR("Favre"),  STR("Rochat"),  STR("Jaquet"), STR("Bonvin"),  STR("Martin"),   STR("Bernard"),
    STR("Dubois"), STR("Monnier"), STR("Pittet"), STR("Perret"),  STR("Blanc"),    STR("Chappuis"),
    STR("Moret"),  STR("Girard"),  STR("Besson"), STR("Clément"), STR("Fournier"), STR("Reymond")};
static const str french_streets[] = {STR("Rue du Lac"),        STR("Avenue de la Gare"),
                                     STR("Chemin des Vignes"), STR("Rue de l'Église"),
                                     STR("Route de Berne"),    STR("Rue du Marché"),
                                     STR("Grand-Rue"),         STR("Chemin du Moulin")};
static const str italian_first[] = {
    STR("Giulia"), STR("Leonardo"), STR("Alessia"),   STR("Marco"), STR("Chiara"),
    STR("Davide"), STR("Martina"),  STR("Paolo"),     STR("Elisa"), STR("Fabio"),
    STR("Sara"),   STR("Simone"),   STR("Francesca"), STR("Nicolò")};
static const str italian_last[] = {
    STR("Bernasconi"), STR("Rossi"),    STR("Bianchi"), STR("Ferrari"),   STR("Fontana"),
    STR("Galli"),      STR("Cattaneo"), STR("Pedrini"), STR("Rezzonico"), STR("Lepori"),
    STR("Conti"),      STR("Moretti"),  STR("Riva"),    STR("Crivelli")};
static const str italian_streets[] = {STR("Via Cantonale"), STR("Via alla Chiesa"),
                                      STR("Via Stazione"),  STR("Piazza Grande"),
                                      STR("Via al Lago"),   STR("Via San Gottardo")};

static const str german_titles[5][RETAIL_TITLES] = {
    {STR("Leider kaputt angekommen"), STR("Nie wieder"), STR("Hält nicht, was es verspricht")},
    {STR("Naja"), STR("Kleiner als gedacht"), STR("Für den Preis zu wenig")},
    {STR("Ganz in Ordnung"), STR("Tut, was es soll"), STR("Mittelmass")},
    {STR("Gefällt uns gut"), STR("Solide Qualität"), STR("Gerne wieder")},
    {STR("Einfach super"), STR("Besser geht es nicht"), STR("Unser Lieblingsstück")}};
static const str french_titles[5][RETAIL_TITLES] = {
    {STR("Arrivé cassé"), STR("À éviter"), STR("Très déçue")},
    {STR("Bof"), STR("Plus petit que prévu"), STR("Trop cher")},
    {STR("Correct"), STR("Fait le travail"), STR("Sans plus")},
    {STR("Bonne qualité"), STR("Nous plaît bien"), STR("Livraison rapide")},
    {STR("Parfait"), STR("Un vrai coup de cœur"), STR("Je recommande")}};
static const str italian_titles[5][RETAIL_TITLES] = {
    {STR("Arrivato rotto"), STR("Da evitare"), STR("Una delusione")},
    {STR("Mah"), STR("Più piccolo del previsto"), STR("Troppo caro")},
    {STR("Va bene"), STR("Fa il suo dovere"), STR("Nella media")},
    {STR("Buona qualità"), STR("Ci piace"), STR("Consegna veloce")},
    {STR("Perfetto"), STR("Il nostro preferito"), STR("Da comprare subito")}};

#define TITLES(list)                                                                               \
    {                                                                                              \
        (list)[0], (list)[1], (list)[2], (list)[3], (list)[4]                                      \
    }

const struct retail_language retail_languages[] = {
    {STR("de"), german_first, german_last, german_streets, COUNT(german_first), COUNT(german_last),
     COUNT(german_streets), TITLES(german_titles)},
    {STR("fr"), french_first, french_last, french_streets, COUNT(french_first), COUNT(french_last),
     COUNT(french_streets), TITLES(french_titles)},
    {STR("it"), italian_first, italian_last, italian_streets, COUNT(italian_first),
     COUNT(italian_last), COUNT(italian_streets), TITLES(italian_titles)},
};

enum { DE, FR, IT };

static const struct retail_city swiss_cities[] = {
    {STR("Zürich"), STR("8004"), DE},     {STR("Zürich"), STR("8050"), DE},
    {STR("Genève"), STR("1205"), FR},     {STR("Basel"), STR("4056"), DE},
    {STR("Lausanne"), STR("1004"), FR},   {STR("Bern"), STR("3014"), DE},
    {STR("Winterthur"), STR("8400"), DE}, {STR("Luzern"), STR("6003"), DE},
    {STR("St. Gallen"), STR("9000"), DE}, {STR("Lugano"), STR("6900"), IT},
    {STR("Biel"), STR("2502"), DE},       {STR("Thun"), STR("3600"), DE},
    {STR("Fribourg"), STR("1700"), FR},   {STR("Chur"), STR("7000"), DE},
    {STR("Sion"), STR("1950"), FR},       {STR("Bellinzona"), STR("6500"), IT},
    {STR("Aarau"), STR("5000"), DE},      {STR("Neuchâtel"), STR("2000"), FR}};
static const struct retail_city german_cities[] = {{STR("Konstanz"), STR("78462"), DE},
                                                   {STR("Freiburg"), STR("79098"), DE},
                                                   {STR("Stuttgart"), STR("70173"), DE},
                                                   {STR("München"), STR("80331"), DE},
                                                   {STR("Lörrach"), STR("79539"), DE}};
static const struct retail_city austrian_cities[] = {{STR("Wien"), STR("1070"), DE},
                                                     {STR("Bregenz"), STR("6900"), DE},
                                                     {STR("Innsbruck"), STR("6020"), DE},
                                                     {STR("Salzburg"), STR("5020"), DE}};
static const struct retail_city french_cities[] = {{STR("Annecy"), STR("74000"), FR},
                                                   {STR("Lyon"), STR("69002"), FR},
                                                   {STR("Mulhouse"), STR("68100"), FR},
                                                   {STR("Strasbourg"), STR("67000"), FR}};
static const struct retail_city italian_cities[] = {{STR("Como"), STR("22100"), IT},
                                                    {STR("Milano"), STR("20121"), IT},
                                                    {STR("Varese"), STR("21100"), IT}};
static const struct retail_city liechtenstein_cities[] = {{STR("Vaduz"), STR("9490"), DE},
                                                          {STR("Schaan"), STR("9494"), DE}};

const struct retail_country retail_countries[RETAIL_COUNTRIES] = {
    {STR("CH"), STR("+41"), STR("CHF"), 620, swiss_cities, COUNT(swiss_cities)},
    {STR("DE"), STR("+49"), STR("EUR"), 140, german_cities, COUNT(german_cities)},
    {STR("AT"), STR("+43"), STR("EUR"), 80, austrian_cities, COUNT(austrian_cities)},
    {STR("FR"), STR("+33"), STR("EUR"), 80, french_cities, COUNT(french_cities)},
    {STR("IT"), STR("+39"), STR("EUR"), 60, italian_cities, COUNT(italian_cities)},
    {STR("LI"), STR("+423"), STR("CHF"), 20, liechtenstein_cities, COUNT(liechtenstein_cities)},
};

const struct retail_category retail_categories[RETAIL_CATEGORIES] = {
    {STR("Kitchen"),
     STR("KI"),
     {7, 6, 5, 5, 5, 4, 4, 5, 6, 7, 9, 9},
     {{STR("Raclette grill"), 8900, 4200},
      {STR("Fondue set"), 6900, 3800},
      {STR("Chef's knife"), 7900, 240},
      {STR("Cast-iron pan"), 5900, 2900},
      {STR("Cutting board"), 3400, 1400},
      {STR("Espresso pot"), 3900, 600},
      {STR("Mixing bowl"), 1900, 700},
      {STR("Peeler"), 890, 60},
      {STR("Salt mill"), 2900, 350},
      {STR("Baking tin"), 2400, 800}}},
    {STR("Living"),
     STR("LI"),
     {6, 5, 5, 5, 5, 4, 4, 4, 6, 7, 9, 9},
     {{STR("Wool blanket"), 12900, 1800},
      {STR("Cushion"), 3900, 600},
      {STR("Table lamp"), 8900, 2100},
      {STR("Floor lamp"), 16900, 6400},
      {STR("Candle holder"), 2900, 500},
      {STR("Wall clock"), 5900, 900},
      {STR("Side table"), 14900, 7200},
      {STR("Sheepskin"), 9900, 1500},
      {STR("Vase"), 3400, 1100},
      {STR("Picture frame"), 1900, 400}}},
    {STR("Garden"),
     STR("GA"),
     {1, 2, 6, 9, 9, 8, 7, 6, 5, 3, 1, 1},
     {{STR("Pruning shears"), 4900, 260},
      {STR("Watering can"), 2900, 900},
      {STR("Raised bed"), 18900, 21000},
      {STR("Garden chair"), 9900, 5600},
      {STR("Hose reel"), 7900, 4300},
      {STR("Bird house"), 3900, 1200},
      {STR("Seed set"), 1490, 90},
      {STR("Plant pot"), 2400, 2600},
      {STR("Hand fork"), 1690, 310},
      {STR("Solar lantern"), 2190, 480}}},
    {STR("Outdoor"),
     STR("OU"),
     {2, 2, 4, 6, 8, 9, 9, 8, 6, 4, 2, 3},
     {{STR("Hiking backpack"), 15900, 1450},
      {STR("Trekking poles"), 8900, 480},
      {STR("Tent"), 34900, 2900},
      {STR("Sleeping bag"), 19900, 1100},
      {STR("Water bottle"), 2900, 180},
      {STR("Headlamp"), 4900, 95},
      {STR("Rain jacket"), 21900, 420},
      {STR("Camping stove"), 6900, 380},
      {STR("Picnic blanket"), 4400, 850},
      {STR("Pocket knife"), 3900, 75}}},
    {STR("Winter sports"),
     STR("WI"),
     {9, 8, 5, 2, 1, 1, 1, 1, 3, 6, 8, 9},
     {{STR("Sledge"), 12900, 5800},
      {STR("Ski goggles"), 9900, 150},
      {STR("Snowshoes"), 17900, 1900},
      {STR("Ski gloves"), 6900, 260},
      {STR("Thermal layer"), 7900, 230},
      {STR("Ski helmet"), 14900, 450},
      {STR("Wool hat"), 3400, 90},
      {STR("Avalanche shovel"), 6400, 620},
      {STR("Hand warmer"), 1290, 70},
      {STR("Ski socks"), 2490, 110}}},
    {STR("Kids"),
     STR("KD"),
     {4, 4, 5, 5, 5, 6, 5, 6, 5, 6, 9, 9},
     {{STR("Wooden train"), 7900, 2200},
      {STR("Building blocks"), 4900, 1700},
      {STR("Balance bike"), 11900, 3600},
      {STR("Picture book"), 2190, 450},
      {STR("Soft marmot"), 2900, 240},
      {STR("Puzzle"), 1990, 520},
      {STR("School bag"), 14900, 1100},
      {STR("Crayon set"), 1690, 330},
      {STR("Night light"), 3400, 280},
      {STR("Kite"), 2790, 210}}},
    {STR("Office"),
     STR("OF"),
     {8, 7, 6, 5, 5, 4, 4, 7, 8, 7, 6, 5},
     {{STR("Desk lamp"), 7900, 1600},
      {STR("Notebook"), 1490, 320},
      {STR("Fountain pen"), 5900, 40},
      {STR("Desk organiser"), 3900, 900},
      {STR("Laptop stand"), 6900, 1200},
      {STR("Laptop sleeve"), 4900, 250},
      {STR("Footrest"), 8900, 2700},
      {STR("Pin board"), 2900, 1900},
      {STR("Calendar"), 2490, 400},
      {STR("Paper tray"), 1890, 600}}},
    {STR("Wellness"),
     STR("WE"),
     {8, 7, 6, 5, 5, 4, 4, 4, 6, 7, 8, 9},
     {{STR("Bath towel"), 3900, 650},
      {STR("Herbal pillow"), 4900, 700},
      {STR("Pine oil"), 2190, 120},
      {STR("Bathrobe"), 12900, 1300},
      {STR("Yoga mat"), 6900, 1900},
      {STR("Massage ball"), 1690, 150},
      {STR("Sauna bucket"), 5900, 1500},
      {STR("Arnica balm"), 1590, 90},
      {STR("Foam roller"), 3900, 800},
      {STR("Alpine soap"), 990, 110}}},
};

const str retail_series[RETAIL_SERIES] = {
    STR("Säntis"),    STR("Pilatus"), STR("Rigi"),    STR("Titlis"),  STR("Eiger"),
    STR("Dom"),       STR("Albris"),  STR("Calanda"), STR("Tödi"),    STR("Napf"),
    STR("Chasseral"), STR("Moléson"), STR("Tamaro"),  STR("Bernina"), STR("Lägern")};

const str retail_brands[RETAIL_BRANDS] = {
    STR("Alpwerk"),   STR("Holzhof"),   STR("Bergschmiede"), STR("Lana & Loden"),
    STR("Seeblick"),  STR("Feinkorn"),  STR("Rätia"),        STR("Jurafaden"),
    STR("Gletscher"), STR("Ticinello"), STR("Lac Bleu"),     STR("Kantholz")};
